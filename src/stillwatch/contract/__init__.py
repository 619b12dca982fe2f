"""The tables that go in and the tables that come out; everything else depends on these names."""

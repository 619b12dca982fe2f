"""Labels by people, names of campaigns over several scans, and the append-only record of decisions."""

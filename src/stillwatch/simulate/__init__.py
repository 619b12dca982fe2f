"""Which worlds, with known truth, can a detector be tried on?"""

"""Does one hand hold a group's accounts? Some requests are refused at random, and work moves to other
accounts or it does not.
"""

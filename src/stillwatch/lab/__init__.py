"""What is a campaign worth, and what do marks and defences do, measured on models that the user owns?"""

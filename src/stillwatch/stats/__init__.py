"""Mathematics only: arrays in, arrays out."""

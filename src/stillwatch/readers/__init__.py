"""From files as they are to the contract's tables, losing no row in silence."""

"""What tests begin with."""

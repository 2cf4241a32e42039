"""What tests of the application begin with."""

"""The faces for programs that block; what they do is done by the asynchronous ones."""

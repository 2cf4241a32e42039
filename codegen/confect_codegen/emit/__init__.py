"""Generated text: the files of `_generated/`, written as a person would write them.

May import the model; it neither loads a project nor touches its files.
"""

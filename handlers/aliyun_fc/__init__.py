"""The function that forwards events of Alibaba OSS; it runs over there, see README.md.

Everything here is for Python 3.9 and its standard library, and imports nothing else of ours.
"""

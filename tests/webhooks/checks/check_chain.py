"""Reads events, one a line, and says what check_chain thinks of them."""

import sys

from chain import check_chain

try:
    print(check_chain(sys.stdin.buffer.read().splitlines()))
except ValueError as error:
    print(error)

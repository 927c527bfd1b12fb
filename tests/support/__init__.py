"""What the tests stand on: real servers, a faulty network, leak checks."""

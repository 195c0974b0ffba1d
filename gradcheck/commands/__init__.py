"""The commands, one a file: read arguments, call, hand the result to a renderer, exit code. No numerics."""

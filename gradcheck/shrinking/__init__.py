"""The smallest failing case: a value, one order of simplicity, one predicate, small passes."""

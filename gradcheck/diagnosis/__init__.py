"""Why a gradient is wrong: one rule a file, each looks at the evidence and returns findings or nothing."""

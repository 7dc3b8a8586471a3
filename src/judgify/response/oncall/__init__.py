"""Who is on call: rotations, restrictions, layers, overrides, gaps. Pure: values in, values out, no clock."""

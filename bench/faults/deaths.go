package main

// deaths are faults of defib itself.
func deaths() []fault { return nil }

//go:build !linux

package main

// unmapProgram is for Linux, where the image runs.
func unmapProgram() {}

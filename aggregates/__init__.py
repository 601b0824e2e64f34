"""Decides: a pure fold from logged inputs to decisions, in C++ and in readable Python."""

"""What runs on a workstation: conversion, parity, report."""

import edgeml as edgeml  # before any engine: see edgeml/quiet.py

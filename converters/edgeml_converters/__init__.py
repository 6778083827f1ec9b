"""What runs on a workstation: conversion, parity, report."""

"""Alarms after ISA-18.2: rules, evaluation, the state machine and its journal."""

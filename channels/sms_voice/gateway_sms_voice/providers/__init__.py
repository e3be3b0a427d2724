"""Providers of phone numbers; `contract` says what one has to do, a folder holds each."""

"""Imports: recordings of other tools, and exports of a gateway, as history in the journal."""

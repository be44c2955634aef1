"""Compiled execution: plain selections run as Python closures, everything else in graphql-core."""

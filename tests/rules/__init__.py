"""Rules of the resolvers, without GraphQL."""

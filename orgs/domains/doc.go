// Package domains says which organization the e-mail addresses of a domain belong to, for finding a person's organization
// at sign-in.
//
// What always holds:
//
//   - A domain belongs to one organization of a tenant; other tenants may have it too.
//   - A domain that is not proven was mapped by the root, or lies in one that the organization, or one between it and who
//     maps, has already: nobody claims a domain by saying so, neither for an organization nor for one below it.
//   - Domains of public mail providers and public suffixes (such as co.uk) belong to nobody.
package domains

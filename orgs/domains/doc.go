// Package domains says which organization the e-mail addresses of a domain belong to, for finding a person's organization
// at sign-in.
//
// What always holds:
//
//   - A domain belongs to one organization of a tenant; other tenants may have it too.
//   - A domain that is not proven was mapped by somebody above the organization, or at the root: an organization cannot
//     claim one for itself by saying so.
//   - Domains of public mail providers and public suffixes (such as co.uk) belong to nobody.
package domains

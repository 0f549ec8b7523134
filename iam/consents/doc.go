// Package consents remembers which scopes and authorization details a person let an application have, in one organization.
//
// What always holds: a consent is for one person, one organization and one application; it only grows by what the person
// was asked for and allowed, of details exactly what was shown, and the oldest of many are forgotten; taking it back ends, in the same
// transaction, what the application got by it.
package consents

// Package administrators lets the platform operator look after the first administrator of a tenant: the one person whom he
// answers for, because he named him when he created the tenant. Everybody else of a tenant is the tenant's own business.
//
// The first administrator is a person like any other. What is changed here follows the rules of iam/users and is told in the
// tenant's log, with the operator as the actor.
package administrators

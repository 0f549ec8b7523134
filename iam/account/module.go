package account

import (
	"grove/infra/kernel/fault"
	"grove/infra/module"
)

// Module is the manifest.
func (s *Service) Module() module.Manifest {
	return module.Manifest{
		Name:   "iam.account",
		Errors: []fault.Code{errCurrentPassword},
		Routes: s.routes,
	}
}

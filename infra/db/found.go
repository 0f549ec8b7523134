package db

import "grove/infra/kernel/fault"

// OrNotFound makes fault.ErrNotFound of a query for one row that found none, and leaves every other result as it is.
func OrNotFound(err error) error {
	if IsNoRows(err) {
		return fault.ErrNotFound
	}
	return err
}

package db

import (
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"slices"

	"github.com/google/uuid"
)

// Epoch is one subject's row of the table epochs.
type Epoch struct {
	Subject uuid.UUID `db:"subject"`
	Kind    Kind      `db:"kind"`
	Epoch   int64     `db:"epoch"`
	Blocked bool      `db:"blocked"`
}

// Stamp is the fingerprint of the epochs that a token, grant or session stands on. It is kept with what was issued;
// what was issued is good for as long as the stamp of its subjects is the same. The order of rows does not matter,
// subjects that were never revoked have no row, and no rows at all are stamp 0.
//
// A fingerprint, not the greatest epoch: two revocations may commit in another order than they took their numbers,
// and a maximum would then hide the one that commits last.
func Stamp(epochs []Epoch) int64 {
	if len(epochs) == 0 {
		return 0
	}
	sorted := slices.Clone(epochs)
	slices.SortFunc(sorted, func(a, b Epoch) int { return cmp.Compare(a.Subject.String(), b.Subject.String()) })
	h := sha256.New()
	var n [8]byte
	for _, e := range sorted {
		h.Write(e.Subject[:])
		binary.BigEndian.PutUint64(n[:], uint64(e.Epoch))
		h.Write(n[:])
	}
	return int64(binary.BigEndian.Uint64(h.Sum(nil)))
}

package metering

import (
	"context"

	"github.com/google/uuid"

	"grove/infra/db"
	"grove/infra/kernel/fault"
	"grove/infra/kernel/ids"
)

type account string

const (
	accountFree     account = "free"
	accountReserved account = "reserved"
	accountUsed     account = "used"
)

// movement is one seat going from one account to another.
type movement struct {
	holder   uuid.UUID
	from, to account
}

// Taken is the number of seats that are not free.
func (b Balance) Taken() int { return b.Reserved + b.Used }

// Reserve keeps a seat for a holder, such as an invitation. A holder who has one keeps it. Error: seats.exhausted.
func (s *Service) Reserve(ctx context.Context, tx db.Tx, org ids.Org, holder uuid.UUID, reason string) error {
	b, have, err := s.open(ctx, tx, org, holder)
	if err != nil || have != accountFree {
		return err
	}
	return s.post(ctx, tx, org, b, reason, movement{holder, accountFree, accountReserved})
}

// Take gives a holder, such as a member, a seat to use: the one reserved for him, or a free one. A holder who uses one
// keeps it. Error: seats.exhausted.
func (s *Service) Take(ctx context.Context, tx db.Tx, org ids.Org, holder uuid.UUID, reason string) error {
	b, have, err := s.open(ctx, tx, org, holder)
	if err != nil || have == accountUsed {
		return err
	}
	return s.post(ctx, tx, org, b, reason, movement{holder, have, accountUsed})
}

// Commit turns the seat reserved for holder into one that user uses, who may be another, without it being free between.
// Where nothing is reserved any more it is as Take for user. Error: seats.exhausted.
func (s *Service) Commit(ctx context.Context, tx db.Tx, org ids.Org, holder, user uuid.UUID, reason string) error {
	b, reserved, err := s.open(ctx, tx, org, holder)
	if err != nil {
		return err
	}
	if holder == user {
		return s.Take(ctx, tx, org, user, reason)
	}
	have, err := queryAccount(ctx, tx, org, user)
	if err != nil {
		return err
	}
	var moves []movement
	if reserved == accountReserved {
		moves = append(moves, movement{holder, accountReserved, accountFree})
	}
	if have != accountUsed {
		moves = append(moves, movement{user, have, accountUsed})
	}
	return s.post(ctx, tx, org, b, reason, moves...)
}

// Release frees a holder's seat; it changes nothing when he has none.
func (s *Service) Release(ctx context.Context, tx db.Tx, org ids.Org, holder uuid.UUID, reason string) error {
	b, have, err := s.open(ctx, tx, org, holder)
	if err != nil || have == accountFree {
		return err
	}
	return s.post(ctx, tx, org, b, reason, movement{holder, have, accountFree})
}

// open takes the organization's lock, and then looks where the holder's seat is.
func (s *Service) open(ctx context.Context, tx db.Tx, org ids.Org, holder uuid.UUID) (Balance, account, error) {
	b, err := lockBalance(ctx, tx, org)
	if err != nil {
		return Balance{}, "", err
	}
	have, err := queryAccount(ctx, tx, org, holder)
	return b, have, err
}

// post writes movements and the balance that they lead to, under the lock that open took.
func (s *Service) post(ctx context.Context, tx db.Tx, org ids.Org, b Balance, reason string, moves ...movement) error {
	if len(moves) == 0 {
		return nil
	}
	change := map[account]int{}
	for _, m := range moves {
		change[m.from]--
		change[m.to]++
	}
	if taken := change[accountReserved] + change[accountUsed]; taken > 0 && b.Limit != nil && b.Taken()+taken > *b.Limit {
		return fault.CodeSeatsExhausted.With("Remove a member or an invitation, or ask for more seats.", nil)
	}
	for _, m := range moves {
		if err := insertEntry(ctx, tx, org, m, reason); err != nil {
			return err
		}
	}
	return updateBalance(ctx, tx, org, change[accountReserved], change[accountUsed])
}

// BalanceOf returns an organization's balance, without a lock.
func (s *Service) BalanceOf(ctx context.Context, tx db.Tx, org ids.Org) (Balance, error) {
	return queryBalance(ctx, tx, org)
}

// SetLimitTx sets the number of seats of an organization; nil is no limit. expect is the version that the caller saw, 0
// for any. Errors: seats.limit_below_use, resource.stale.
func (s *Service) SetLimitTx(ctx context.Context, tx db.Tx, org ids.Org, expect int64, limit *int) (Balance, error) {
	b, err := lockBalance(ctx, tx, org)
	switch {
	case err != nil:
		return Balance{}, err
	case expect != 0 && expect != b.Version:
		return Balance{}, fault.CodeStale.With("Read the seats again and repeat the change.", nil)
	case limit != nil && *limit < b.Taken():
		return Balance{}, errBelowUse.With("Remove members and invitations first.", nil)
	}
	if err := updateLimit(ctx, tx, org, limit); err != nil {
		return Balance{}, err
	}
	b.Limit = limit
	b.Version++
	return b, s.events.Write(ctx, tx, eventLimit.Of(org, org, limitData{Limit: limit}))
}

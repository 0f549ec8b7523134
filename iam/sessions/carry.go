package sessions

import (
	"context"

	"grove/infra/db"
	"grove/infra/kernel/ids"
)

// Carried is one thing, such as a grant, that is to live through a change to its person: what it stands on, and the
// stamp that it was given. CarryTx sets Good and, where it is, the new Stamp.
type Carried struct {
	Good  bool
	Of    Subjects
	Stamp int64
}

// CarryTx does for what a session issued what RestampTx does for the session: it runs a change that raises the person's
// epoch, and gives each thing that was good before the stamp of its old standing with the person's new epoch.
func (s *Service) CarryTx(ctx context.Context, tx db.Tx, user ids.User, things []Carried, change func(context.Context) error) error {
	before := make([][]db.Epoch, len(things))
	for i := range things {
		var err error
		if before[i], err = epochsOf(ctx, tx, things[i].Of); err != nil {
			return err
		}
		things[i].Good = standingOf(before[i]).Good(things[i].Stamp)
	}
	if err := change(ctx); err != nil {
		return err
	}
	own, err := db.Collect[db.Epoch](ctx, tx, sqlOwnEpoch, tx.Tenant(), user)
	if err != nil {
		return err
	}
	for i := range things {
		after := own[:len(own):len(own)]
		for _, e := range before[i] {
			if e.Subject != user.UUID() {
				after = append(after, e)
			}
		}
		if things[i].Good {
			things[i].Stamp = db.Stamp(after)
		}
	}
	return nil
}

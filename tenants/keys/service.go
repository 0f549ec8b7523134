package keys

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"grove/infra/cache"
	"grove/infra/db"
	"grove/infra/events"
	"grove/infra/jose"
	"grove/infra/kernel/fault"
	"grove/infra/kernel/ids"
	"grove/infra/module"
	"grove/infra/secrets"
)

// Overlap is how long a key stays published after it stopped signing: longer than any signed token lives.
const Overlap = 48 * time.Hour

// Topic is the cache topic of everything here: announced when a tenant's keys change.
const Topic = "keys"

type createdData struct {
	Alg string `json:"alg" audit:"public"`
	KID string `json:"kid" audit:"public"`
}

type rotatedData struct {
	Alg         string `json:"alg" audit:"public"`
	KID         string `json:"kid" audit:"public"`
	PreviousKID string `json:"previous_kid" audit:"public"`
}

var (
	eventCreated = events.Declare[createdData]("key.created", "The tenant got its first signing key of an algorithm.")
	eventRetired = events.Declare[createdData]("key.retired", "A signing key left the key set.")
	eventRotated = events.Declare[rotatedData]("key.rotated", "The next signing key took over from the active one.")
)

// Lister returns active tenants in the order of their ids, at most limit that follow after.
type Lister func(ctx context.Context, after ids.Tenant, limit int) ([]ids.Tenant, error)

// Service keeps the keys of all tenants.
type Service struct {
	db      *db.DB
	events  *events.Log
	root    *secrets.Root
	rings   *cache.Cache[*ring]
	tenants Lister
}

// New makes the service. tenants tells the daily upkeep whose keys to look at.
func New(d *db.DB, log *events.Log, hub *cache.Hub, root *secrets.Root, tenants Lister) *Service {
	return &Service{db: d, events: log, root: root, tenants: tenants, rings: cache.New[*ring](hub, 4096, time.Hour, Topic)}
}

// ring is what is read at once about a tenant's keys. It is immutable.
type ring struct {
	data    *secrets.DataKey
	jwks    []byte
	public  map[string]*jose.PublicKey // by kid
	signers map[string]*jose.Key       // by algorithm
	opener  *jose.DecryptionKey
}

// errNoDataKey means that the tenant does not exist, or is erased.
var errNoDataKey = fault.CodeTenantNotFound.With("There is no such tenant.", errors.New("keys: no data key"))

// DataKey returns the key that seals the tenant's secrets. Call it before a transaction, not within.
func (s *Service) DataKey(ctx context.Context, tenant ids.Tenant) (*secrets.DataKey, error) {
	r, err := s.ring(ctx, tenant)
	if err != nil {
		return nil, err
	}
	return r.data, nil
}

// Signer returns the active key of an algorithm; "" is ES256. The first use of another algorithm makes its keys.
// Call it before a transaction, not within.
func (s *Service) Signer(ctx context.Context, tenant ids.Tenant, alg string) (*jose.Key, error) {
	if alg == "" {
		alg = jose.ES256
	}
	r, err := s.ring(ctx, tenant)
	if err != nil {
		return nil, err
	}
	if key := r.signers[alg]; key != nil {
		return key, nil
	}
	if !slices.Contains(jose.Algs(), alg) {
		return nil, fmt.Errorf("keys: algorithm %q is not supported", alg)
	}
	if err := s.begin(ctx, tenant, r.data, alg); err != nil {
		return nil, err
	}
	// What is in memory may be from before; the keys are in the database now, made here or by a twin.
	if r, err = s.load(ctx, tenant); err != nil {
		return nil, err
	}
	if key := r.signers[alg]; key != nil {
		return key, nil
	}
	return nil, fmt.Errorf("keys: no active key of %s", alg)
}

// JWKS returns the tenant's key set (RFC 7517, section 5) as JSON: active, next and previous keys.
func (s *Service) JWKS(ctx context.Context, tenant ids.Tenant) ([]byte, error) {
	r, err := s.ring(ctx, tenant)
	if err != nil {
		return nil, err
	}
	return r.jwks, nil
}

// Opener returns the key that opens what clients encrypt to the tenant (RFC 7516), which is in its key set.
// Call it before a transaction, not within.
func (s *Service) Opener(ctx context.Context, tenant ids.Tenant) (*jose.DecryptionKey, error) {
	r, err := s.ring(ctx, tenant)
	if err != nil {
		return nil, err
	}
	return r.opener, nil
}

// PublicKey returns the published key with this kid.
func (s *Service) PublicKey(ctx context.Context, tenant ids.Tenant, kid string) (*jose.PublicKey, bool, error) {
	r, err := s.ring(ctx, tenant)
	if err != nil {
		return nil, false, err
	}
	key, ok := r.public[kid]
	return key, ok, nil
}

// Check reads a tenant's keys from the database, past what is in memory, and opens them.
func (s *Service) Check(ctx context.Context, tenant ids.Tenant) error {
	_, err := s.load(ctx, tenant)
	return err
}

func (s *Service) ring(ctx context.Context, tenant ids.Tenant) (*ring, error) {
	return s.rings.Get(ctx, tenant.UUID(), "", func(ctx context.Context) (*ring, error) { return s.load(ctx, tenant) })
}

func (s *Service) load(ctx context.Context, tenant ids.Tenant) (*ring, error) {
	r := &ring{public: map[string]*jose.PublicKey{}, signers: map[string]*jose.Key{}}
	var wrapped []byte
	var rows []sealedRow
	err := s.db.InTenant(ctx, tenant, func(ctx context.Context, tx db.Tx) (err error) {
		if wrapped, err = selectDataKey(ctx, tx); err != nil {
			return err
		}
		rows, err = selectPublished(ctx, tx)
		return err
	})
	switch {
	case db.IsNoRows(err):
		return nil, errNoDataKey
	case err != nil:
		return nil, err
	}
	if r.data, err = s.root.UnwrapKey(wrapContext(tenant), wrapped); err != nil {
		return nil, fmt.Errorf("keys: data key of %s: %w", tenant, err)
	}
	set := make([]jose.Published, 0, len(rows)+1)
	for _, row := range rows {
		public, err := jose.ParsePublicJWK(row.Public, row.Alg)
		if err != nil {
			return nil, fmt.Errorf("keys: %s: %w", row.ID, err)
		}
		set = append(set, public)
		r.public[public.KID()] = public
		if row.State != Active {
			continue
		}
		if r.signers[row.Alg], err = openKey(r.data, row); err != nil {
			return nil, fmt.Errorf("keys: %s: %w", row.ID, err)
		}
	}
	if r.opener, err = openerOf(r.data); err != nil {
		return nil, fmt.Errorf("keys: %s: %w", tenant, err)
	}
	r.jwks = jose.JWKSet(append(set, r.opener)...)
	return r, nil
}

// openerOf derives the key that clients encrypt to, which so needs no row. It lives as long as the tenant: what it opens is the signed
// request of a moment, and all of it that is secret is in the browser's address otherwise.
func openerOf(data *secrets.DataKey) (key *jose.DecryptionKey, err error) {
	for i := range byte(8) { // one secret of 2^32 is no key
		if key, err = jose.NewDecryptionKey(data.Derive("decryption key", []byte{i})); err == nil {
			return key, nil
		}
	}
	return nil, err
}

// begin makes the first active and next key of an algorithm. A twin that was first wins.
func (s *Service) begin(ctx context.Context, tenant ids.Tenant, data *secrets.DataKey, alg string) error {
	return s.db.InTenant(ctx, tenant, func(ctx context.Context, tx db.Tx) error {
		root, err := selectRoot(ctx, tx)
		if err != nil {
			return err
		}
		return s.beginTx(ctx, tx, root, data, alg)
	})
}

// EnsureTx makes the keys of algorithms that the tenant has none of, so that they are published before anything is signed with
// them. "" is ES256, which each tenant has.
func (s *Service) EnsureTx(ctx context.Context, tx db.Tx, algs ...string) error {
	missing, err := selectMissing(ctx, tx, algs)
	if err != nil || len(missing) == 0 {
		return err
	}
	wrapped, err := selectDataKey(ctx, tx)
	if err != nil {
		return err
	}
	data, err := s.root.UnwrapKey(wrapContext(tx.Tenant()), wrapped)
	if err != nil {
		return err
	}
	root, err := selectRoot(ctx, tx)
	if err != nil {
		return err
	}
	for _, alg := range missing {
		if err := s.beginTx(ctx, tx, root, data, alg); err != nil {
			return err
		}
	}
	return nil
}

func (s *Service) beginTx(ctx context.Context, tx db.Tx, root ids.Org, data *secrets.DataKey, alg string) error {
	for _, state := range []State{Active, Next} {
		row, err := s.newKey(ctx, tx, data, alg, state)
		if err != nil || row.ID.IsZero() {
			return err
		}
		if err := s.events.Write(ctx, tx, eventCreated.Of(root, row.ID, createdData{Alg: alg, KID: row.KID})); err != nil {
			return err
		}
	}
	return tx.Changed(ctx, Topic, alg)
}

// newKey makes and stores a key; the zero row where the state is taken.
func (s *Service) newKey(ctx context.Context, tx db.Tx, data *secrets.DataKey, alg string, state State) (sealedRow, error) {
	key, err := jose.Generate(alg)
	if err != nil {
		return sealedRow{}, err
	}
	private, err := key.MarshalPrivate()
	if err != nil {
		return sealedRow{}, err
	}
	row := sealedRow{ID: ids.NewKey(), KID: key.KID(), Alg: alg, State: state, Public: key.PublicJWK()}
	row.Sealed = data.Seal(private, sealContext(row.ID))
	ok, err := insertKey(ctx, tx, row)
	if err != nil || !ok {
		return sealedRow{}, err
	}
	return row, nil
}

func openKey(data *secrets.DataKey, row sealedRow) (*jose.Key, error) {
	private, err := data.Open(row.Sealed, sealContext(row.ID))
	if err != nil {
		return nil, err
	}
	return jose.ParsePrivate(row.Alg, private)
}

func wrapContext(tenant ids.Tenant) string { return "tenant:" + tenant.String() }
func sealContext(key ids.Key) []byte       { return []byte("signing_keys.sealed:" + key.String()) }

// found gives a new tenant its data key and its first signing keys.
func (s *Service) found(ctx context.Context, tx db.Tx, f module.Founding) error {
	data, wrapped := s.root.NewDataKey(wrapContext(f.Tenant))
	if err := insertDataKey(ctx, tx, ids.NewKey(), wrapped); err != nil {
		return err
	}
	return s.beginTx(ctx, tx, f.Root, data, jose.ES256)
}

// Rotate makes the next key of an algorithm sign and publishes the one after it. It returns the key that signs now.
func (s *Service) Rotate(ctx context.Context, tenant ids.Tenant, root ids.Org, alg string) (ids.Key, error) {
	data, err := s.DataKey(ctx, tenant)
	if err != nil {
		return ids.Key{}, err
	}
	var active ids.Key
	err = s.db.InTenant(ctx, tenant, func(ctx context.Context, tx db.Tx) error {
		if err := lockRotation(ctx, tx); err != nil {
			return err
		}
		current, err := selectTurning(ctx, tx, alg)
		if err != nil {
			return err
		}
		byState := map[State]keyRow{}
		for _, row := range current {
			byState[row.State] = row
		}
		was, next := byState[Active], byState[Next]
		if was.ID.IsZero() || next.ID.IsZero() {
			return errNoKey.With("The tenant has never signed with this algorithm.", nil)
		}
		active = next.ID
		if err := updateState(ctx, tx, was.ID, Previous); err != nil {
			return err
		}
		if err := updateState(ctx, tx, next.ID, Active); err != nil {
			return err
		}
		after, err := s.newKey(ctx, tx, data, alg, Next)
		if err != nil {
			return err
		}
		if after.ID.IsZero() {
			return errors.New("keys: a second next key")
		}
		if err := tx.Changed(ctx, Topic, alg); err != nil {
			return err
		}
		return s.events.Write(ctx, tx, eventRotated.Of(root, next.ID, rotatedData{Alg: alg, KID: next.KID, PreviousKID: was.KID}))
	})
	return active, err
}

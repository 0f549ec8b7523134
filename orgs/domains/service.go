package domains

import (
	"context"
	"slices"

	"golang.org/x/net/publicsuffix"

	"grove/infra/db"
	"grove/infra/events"
	"grove/infra/kernel/fault"
	"grove/infra/kernel/ids"
	"grove/infra/kernel/text"
)

// Topic is the cache topic that is announced when a domain changes hands; the key is the domain.
const Topic = "domains"

type mappedData struct {
	Name string `json:"name" audit:"public"`
}

var (
	eventMapped   = events.Declare[mappedData]("domain.mapped", "An e-mail domain was mapped to an organization.")
	eventUnmapped = events.Declare[mappedData]("domain.unmapped", "An e-mail domain no longer belongs to an organization.")
)

// publicProviders give addresses to anyone, so that their domains say nothing about where somebody works.
var publicProviders = []string{
	"126.com", "163.com", "aim.com", "aol.com", "comcast.net", "duck.com", "fastmail.com", "fastmail.fm", "free.fr", "gmail.com", "gmx.at",
	"gmx.ch", "gmx.com", "gmx.de", "gmx.net", "googlemail.com", "hey.com", "hotmail.co.uk", "hotmail.com", "hotmail.de", "hotmail.fr", "icloud.com",
	"inbox.ru", "laposte.net", "libero.it", "list.ru", "live.com", "mac.com", "mail.com", "mail.ru", "mailbox.org", "mailinator.com", "me.com",
	"msn.com", "naver.com", "orange.fr", "outlook.com", "outlook.de", "outlook.fr", "pm.me", "posteo.de", "proton.me", "protonmail.com", "qq.com",
	"rediffmail.com", "rocketmail.com", "sina.com", "t-online.de", "tuta.com", "tutanota.com", "web.de", "yahoo.co.in", "yahoo.co.jp", "yahoo.co.uk",
	"yahoo.com", "yahoo.de", "yahoo.fr", "yandex.com", "yandex.ru", "ymail.com", "zoho.com",
}

// Service keeps the domains.
type Service struct {
	db     *db.DB
	events *events.Log
}

// New makes the service.
func New(d *db.DB, log *events.Log) *Service { return &Service{db: d, events: log} }

// OwnerOf returns the organization that the addresses of a domain belong to. What is no domain belongs to nobody. tx must
// be from the tenant's door.
func (s *Service) OwnerOf(ctx context.Context, tx db.Tx, emailDomain string) (ids.Org, bool, error) {
	name, err := text.Domain(emailDomain)
	if err != nil {
		return ids.Org{}, false, nil
	}
	d, err := selectByName(ctx, tx, name)
	if db.IsNoRows(err) {
		return ids.Org{}, false, nil
	}
	return d.Org, err == nil, err
}

// MapTx maps a domain to an organization without proof. Whether the actor may vouch for that is the caller's to check.
// tx must be from the tenant's door: the domain is unique in the whole tree.
func (s *Service) MapTx(ctx context.Context, tx db.Tx, org ids.Org, domain string) (Domain, error) {
	name, err := text.Domain(domain)
	if err != nil {
		return Domain{}, fault.CodeInvalid.At("/name", "Must be a domain name, such as acme.com.")
	}
	if suffix, icann := publicsuffix.PublicSuffix(name); slices.Contains(publicProviders, name) || icann && suffix == name {
		return Domain{}, errPublic.At("/name", "Anyone can have an address of this domain, so it can belong to no organization.")
	}
	d := Domain{ID: ids.NewDomain(), Org: org, Name: name, CreatedAt: tx.Now(), Version: 1}
	ok, err := insertDomain(ctx, tx, d)
	if err != nil {
		return Domain{}, err
	}
	if !ok {
		return Domain{}, conflict(ctx, tx, org, name)
	}
	if err := tx.Changed(ctx, Topic, name); err != nil {
		return Domain{}, err
	}
	return d, s.events.Write(ctx, tx, eventMapped.Of(org, d.ID, mappedData{Name: name}))
}

// conflict tells a repetition from a domain that somebody else has, without saying who.
func conflict(ctx context.Context, tx db.Tx, org ids.Org, name string) error {
	d, err := selectByName(ctx, tx, name)
	switch {
	case err != nil && !db.IsNoRows(err):
		return err
	case d.Org == org:
		return errDuplicate.At("/name", "The organization has this domain already.")
	default:
		return errTaken.At("/name", "Another organization of the tenant has this domain; it must be unmapped there first.")
	}
}

// UnmapTx takes a domain from the organization of the door. People with such an address are no longer found by it.
func (s *Service) UnmapTx(ctx context.Context, tx db.OrgTx, id ids.Domain) error {
	d, err := deleteDomain(ctx, tx, id)
	if err != nil {
		return db.OrNotFound(err)
	}
	if err := tx.Changed(ctx, Topic, d.Name); err != nil {
		return err
	}
	return s.events.Write(ctx, tx.Tx, eventUnmapped.Of(d.Org, d.ID, mappedData{Name: d.Name}))
}

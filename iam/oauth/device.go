package oauth

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"math/big"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"time"

	"grove/iam/authn"
	"grove/iam/authz/details"
	"grove/infra/db"
	"grove/infra/httpapi"
	"grove/infra/kernel/fault"
	"grove/infra/kernel/ids"
	"grove/infra/secrets"
)

// The device authorization grant (RFC 8628): a device without a browser shows a short code, which a person enters in a browser
// elsewhere and approves there.
const (
	prefixDevice = "grv_dc"

	deviceSlower = 5 * time.Second // by which each poll that comes too early makes the interval longer (section 3.5)

	maxUserCode = 64 // bytes, as typed

	// attemptWindow is the time in which user codes that name no device are counted (section 5.1).
	attemptWindow = 10 * time.Minute
)

const (
	devicePending  = "pending"
	deviceApproved = "approved"
	deviceDenied   = "denied"
)

var (
	errDeviceDenied  = refuse(codeAccessDenied, "The person said no.").told("RFC 8628, section 3.5", "The person approves the device.", "Begin again if the person wants to; stop polling.")
	errDeviceExpired = refuse(codeExpiredToken, "The device code has run out. Begin again.").told("RFC 8628, section 3.5", "The device code is not older than expires_in of its answer.", "Ask for a new code and show it.")
	errDevicePending = refuse(codeAuthorizationPending, "The person has not answered yet.")
	errDeviceSlow    = refuse(codeSlowDown, "Poll less often: wait five seconds more from now on.").told("RFC 8628, section 3.5", "Polls are interval seconds apart, and five more after each slow_down.", "Wait between polls as interval says, and lengthen it at slow_down.")
)

// CodeDevice is a user code that names no device that waits here: unknown, used or run out, which is not told apart.
var CodeDevice = fault.Declare(fault.NotFound, "device.code", "No device waits with this code",
	"The code was mistyped, used or is too old. Start again at the device.")

// CodeDeviceTooMany is a user code, right or wrong, after too many wrong ones from the same address.
var CodeDeviceTooMany = fault.Declare(fault.TooMany, "device.too_many", "Too many codes that name no device",
	"Too many wrong codes came from here. Wait as long as Retry-After says.")

// authorizeDevice is the device authorization endpoint (section 3.1).
func (s *Service) authorizeDevice(w http.ResponseWriter, r *http.Request) {
	form, err := readForm(r)
	var body []byte
	if err == nil {
		body, err = s.deviceAuthorization(r, form)
	}
	if err != nil {
		s.refuseForm(w, r, atDevice, form, err)
		return
	}
	writeRaw(w, http.StatusOK, body)
}

func (s *Service) deviceAuthorization(r *http.Request, form params) ([]byte, error) {
	ctx := r.Context()
	client, err := s.authenticateClient(ctx, r, form)
	if err != nil {
		return nil, err
	}
	if !slices.Contains(client.GrantTypes, grantDeviceCode) || client.Demands().Any {
		return nil, refuse(codeUnauthorizedClient, "This client may not use the device authorization grant.").told("RFC 8628, section 3.1", "The app may use the grant type device_code, and no profile forbids it.", "Allow the grant type in the app's settings (OpenID Connect, Grant types).")
	}
	requested, err := scopeList(form.get("scope"))
	if err != nil {
		return nil, err
	}
	issuer := httpapi.IssuerOf(ctx).URL
	device, hash := secrets.NewToken(prefixDevice)
	policy, err := s.devices(ctx)
	if err != nil {
		return nil, err
	}
	userCode := newUserCode(alphabets[policy.Alphabet], policy.CodeLength)
	asked, err := s.askedDetails(ctx, client.Client, form, nil, details.Request{Org: httpapi.IssuerOf(ctx).Org.ID})
	if err != nil {
		return nil, err
	}
	scopes := authorizedScopes(client.Client, requested)
	if err := noneGranted(requested, scopes, missingAPI); err != nil && len(asked.list) == 0 {
		return nil, err
	}
	d := deviceCode{Hash: hash, App: client.ID, Issuer: issuer, Details: asked.list.String(), Scopes: scopes, Interval: policy.IntervalSeconds}
	err = s.DB.InTenant(asClient(ctx, client.Client), httpapi.TenantOf(ctx).ID, func(ctx context.Context, tx db.Tx) error {
		return insertDevice(ctx, tx, d, userCodeHash(userCode), tx.Now().Add(policy.life()))
	})
	if err != nil {
		return nil, err
	}
	shown := grouped(userCode)
	page := issuer + "/device"
	return newClaims().text("device_code", device).text("user_code", shown).text("verification_uri", page).
		text("verification_uri_complete", page+"?user_code="+shown).number("expires_in", int64(policy.CodeSeconds)).
		number("interval", int64(policy.IntervalSeconds)).end(), nil
}

func newUserCode(alphabet string, length int) string {
	code := make([]byte, length)
	for i := range code {
		n, err := rand.Int(rand.Reader, big.NewInt(int64(len(alphabet))))
		if err != nil {
			panic(err) // crypto/rand never fails
		}
		code[i] = alphabet[n.Int64()]
	}
	return string(code)
}

// userCodeHash forgives what people type: case, and everything that is neither letter nor digit.
func userCodeHash(typed string) []byte {
	return secrets.HashToken(strings.Map(func(c rune) rune {
		if (c < 'A' || c > 'Z') && (c < '0' || c > '9') {
			return -1
		}
		return c
	}, strings.ToUpper(typed)))
}

// BeginDevice starts the sign-in of a person who has entered the code that a device shows, and returns the address of its first
// page. He is always asked for his consent: nothing else tells him what he lets in. Errors: [CodeDevice], [CodeDeviceTooMany].
func (s *Service) BeginDevice(ctx context.Context, userCode string, b authn.Browser) (address string, err error) {
	no := CodeDevice.With("Look at the device and try again.", nil)
	if len(userCode) > maxUserCode {
		return "", no
	}
	t, issuer := httpapi.TenantOf(ctx), httpapi.IssuerOf(ctx)
	d, err := s.enterUserCode(ctx, t.ID, userCode, issuer.URL, guesser(b.Address))
	if db.IsNoRows(err) {
		return "", no
	}
	if err != nil {
		return "", err
	}
	client, err := s.client(ctx, t, d.ClientID)
	if errors.Is(err, errClient) || err == nil && !slices.Contains(client.GrantTypes, grantDeviceCode) {
		return "", no
	}
	if err != nil {
		return "", err
	}
	req := authn.Request{App: client, Issuer: issuer.URL, Org: issuer.Org.ID, Prompt: []string{authn.PromptConsent}, RedirectURI: issuer.URL + "/device",
		Scopes: authorizedScopes(client, d.Scopes)}
	req.Attributes, req.Instead = asked(client, req.Scopes, byName{})
	if req.Details, err = details.Parse(d.Details); err != nil {
		return "", err
	}
	req.Return, err = json.Marshal(authorization{ClientID: client.ClientID, Details: req.Details, Device: d.Hash, Issuer: issuer.URL, Scopes: req.Scopes})
	if err != nil {
		return "", err
	}
	outcome, err := s.SignIn.Begin(ctx, t, req, b)
	if err == nil && outcome.RedirectTo == "" {
		err = no // nobody can be asked: the person may not use the app, say
	}
	return outcome.RedirectTo, err
}

// enterUserCode finds the device that waits with a code. Codes that name none are counted, those from one address and those from
// all, and beyond what [Devices] lets none is looked at any more, so that nobody finds other people's devices by trying.
func (s *Service) enterUserCode(ctx context.Context, tenant ids.Tenant, userCode, issuer, address string) (d deviceCode, err error) {
	var missed error
	org := baseOrg(ctx)
	err = s.DB.InTenant(ctx, tenant, func(ctx context.Context, tx db.Tx) error {
		policy, _, err := devicesModule.Resolve(ctx, tx, org)
		if err != nil {
			return err
		}
		counted := []attempts{{address, policy.GuessesByAddress}, {org.String(), policy.Guesses}}
		for _, of := range counted { // always in this order, so that no two wait for each other
			more, err := countAttempt(ctx, tx, of)
			if err != nil {
				return err
			}
			if !more {
				missed = CodeDeviceTooMany.With("Wait ten minutes.", nil)
				return nil
			}
		}
		if d, err = findDevice(ctx, tx, userCodeHash(userCode), issuer); db.IsNoRows(err) {
			missed = err // and the count stays
			return nil
		}
		if err != nil {
			return err
		}
		for _, of := range counted {
			if err := forgiveAttempt(ctx, tx, of); err != nil {
				return err
			}
		}
		return nil
	})
	return d, cmp.Or(err, missed)
}

// guesser is whom guesses count for: an address, and of IPv6 the 64 bits that one customer has.
func guesser(address string) string {
	addr, err := netip.ParseAddr(address)
	if err != nil || !addr.Is6() || addr.Is4In6() {
		return address
	}
	network, _ := addr.WithZone("").Prefix(64)
	return network.String()
}

// settleDevice writes down what the person has answered, and shows him.
func (s *Service) settleDevice(w http.ResponseWriter, r *http.Request, a authorization, done authn.Done) {
	answer := deviceApproved
	if done.Error != "" {
		answer = deviceDenied
	}
	err := s.decideDevice(r.Context(), a, done, answer)
	if err != nil {
		s.errorPage(w, r, err)
		return
	}
	noStore(w.Header())
	w.Header().Set("Location", a.Issuer+"/device?done="+answer)
	w.WriteHeader(http.StatusSeeOther)
}

func (s *Service) decideDevice(ctx context.Context, a authorization, done authn.Done, answer string) error {
	t := httpapi.TenantOf(ctx)
	client, err := s.client(ctx, t, a.ClientID)
	if err == nil && (client.ID != done.App || a.Issuer != httpapi.IssuerOf(ctx).URL) {
		err = errGrant
	}
	if err != nil {
		return err
	}
	g := newGrant(client, a, done)
	if answer == deviceApproved {
		ctx = asPerson(ctx, g)
	}
	err = s.DB.InTenant(ctx, t.ID, func(ctx context.Context, tx db.Tx) error {
		if answer == deviceApproved {
			if err := s.createTx(ctx, tx, client, &g); err != nil {
				return err
			}
		}
		return orGrant(decideDevice(ctx, tx, a.Device, answer, g))
	})
	if errors.Is(err, errGrant) {
		err = refuse(codeExpiredToken, "The code has run out, or the account, the organization or the application is not active.")
	}
	return err
}

// deviceToken is the grant urn:ietf:params:oauth:grant-type:device_code (sections 3.4 and 3.5). What a poll finds is written down
// even where the answer is an error.
func (s *Service) deviceToken(w http.ResponseWriter, r *http.Request, client authenticatedClient, form params) error {
	ctx := r.Context()
	code := form.get("device_code")
	switch {
	case code == "":
		return refuse(codeInvalidRequest, "device_code is required.").told("RFC 8628, section 3.4", "", "Send the device_code of the device authorization response.")
	case !secrets.LooksLike(prefixDevice, code):
		return errGrant.told("RFC 8628, section 3.4", "device_code is one that this server made.", "Send device_code, whole and unchanged, not user_code.")
	}
	wanted, err := s.readDetails(ctx, client.Client, form, form.all("resource"), details.Request{})
	if err != nil {
		return err
	}
	issuer := httpapi.IssuerOf(ctx).URL
	var p person
	var refresh string
	var answer error
	err = s.DB.InTenant(asClient(ctx, client.Client), httpapi.TenantOf(ctx).ID, func(ctx context.Context, tx db.Tx) error {
		d, err := lockDevice(ctx, tx, secrets.HashToken(code))
		switch {
		case db.IsNoRows(err):
			return errGrant.told("RFC 8628, section 3.5", "device_code waits, and has given no token yet.", "Stop polling after tokens, a refusal or expires_in; begin again for a new sign-in.")
		case err != nil:
			return err
		case d.App != client.ID || d.Issuer != issuer:
			return errGrant.told("RFC 8628, section 3.4", "device_code was made for this app, at this issuer.", "Use one client_id and one issuer for both requests.")
		case !tx.Now().Before(d.ExpiresAt):
			return errDeviceExpired
		case d.State == devicePending:
			answer, err = polled(ctx, tx, d)
			return err
		}
		// Approved or denied, it has done its service.
		if err := deleteDevice(ctx, tx, d.Hash); err != nil {
			return err
		}
		if d.State == deviceDenied {
			answer = errDeviceDenied
			return nil
		}
		p, refresh, err = s.answeredTx(ctx, tx, client, d.Grant, form, wanted)
		return err
	})
	if err == nil {
		err = answer
	}
	if err != nil {
		return err
	}
	return s.respond(ctx, w, client, p, refresh, "")
}

// answeredTx gives out, once, the grant by which a person has answered in a browser that is not the client's (a device's code, CIBA).
func (s *Service) answeredTx(ctx context.Context, tx db.Tx, client authenticatedClient, granted ids.Grant, form params, wanted wish) (p person, refresh string, err error) {
	g, err := findGrant(ctx, tx, granted)
	if err != nil {
		return p, "", err
	}
	if !atBase(ctx, g.Org) {
		return p, "", errGrant
	}
	if err := orGrant(s.holds(ctx, tx, client.Client, g)); err != nil {
		return p, "", err
	}
	if err := s.bindRefreshTx(ctx, tx, client, &g); err != nil {
		return p, "", err
	}
	if err := g.aim(client.Client, form); err != nil {
		return p, "", err
	}
	if err := g.narrow(wanted); err != nil {
		return p, "", err
	}
	if p, err = s.personTx(ctx, tx, client.Client, g, g.Scopes); err != nil {
		return p, "", err
	}
	refresh, err = s.refreshTx(ctx, tx, client.Client, g)
	return p, refresh, err
}

// polled notes that a device has asked while nobody has answered, and says whether that was too early.
func polled(ctx context.Context, tx db.Tx, d deviceCode) (answer, err error) {
	answer = errDevicePending
	if d.PolledAt != nil && tx.Now().Before(d.PolledAt.Add(time.Duration(d.Interval)*time.Second)) {
		answer = errDeviceSlow
		d.Interval += int(deviceSlower / time.Second)
	}
	return answer, notePoll(ctx, tx, d.Hash, d.Interval)
}

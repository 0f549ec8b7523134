package smtp

import (
	"errors"
	"fmt"
	"net/mail"
	"net/url"
	"strconv"

	gomail "github.com/wneessen/go-mail"

	"grove/infra/notify"
)

// ErrConfig is a server URL or sender address that cannot be used. The error
// says what is wrong and never repeats the URL, which may hold a password.
var ErrConfig = errors.New("smtp: bad configuration")

// config is the parsed server URL.
type config struct {
	host     string
	implicit bool
	password string
	policy   gomail.TLSPolicy
	port     int
	user     string
}

func configError(reason string) error { return fmt.Errorf("%w: %s", ErrConfig, reason) }

// parseURL reads smtp://user:pass@host:port?starttls=required|opportunistic|off
// and smtps://user:pass@host:port. The port defaults to 587 and 465, starttls to
// required.
func parseURL(raw string) (config, error) {
	u, err := url.Parse(raw)
	if err != nil {
		return config{}, configError("the URL cannot be parsed")
	}
	c := config{host: u.Hostname(), policy: gomail.TLSMandatory, port: 587}
	switch u.Scheme {
	case "smtp":
	case "smtps":
		c.implicit, c.port = true, 465
	default:
		return config{}, configError("the scheme must be smtp or smtps")
	}
	if c.host == "" || u.Opaque != "" {
		return config{}, configError("the host is missing")
	}
	if (u.Path != "" && u.Path != "/") || u.Fragment != "" {
		return config{}, configError("a path or fragment has no meaning")
	}
	if p := u.Port(); p != "" {
		if c.port, err = strconv.Atoi(p); err != nil || c.port < 1 || c.port > 65535 {
			return config{}, configError("the port is not between 1 and 65535")
		}
	}
	if u.User != nil {
		c.user = u.User.Username()
		c.password, _ = u.User.Password()
		if c.user == "" || c.password == "" {
			return config{}, configError("a user needs a name and a password")
		}
	}
	return c.withQuery(u)
}

func (c config) withQuery(u *url.URL) (config, error) {
	query, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return config{}, configError("the query cannot be parsed")
	}
	for name, values := range query {
		if name != "starttls" || len(values) != 1 {
			return config{}, configError("the only parameter is starttls, once")
		}
		if c.implicit {
			return config{}, configError("starttls has no meaning with smtps")
		}
		switch values[0] {
		case "required":
			c.policy = gomail.TLSMandatory
		case "opportunistic":
			c.policy = gomail.TLSOpportunistic
		case "off":
			c.policy = gomail.NoTLS
		default:
			return config{}, configError("starttls must be required, opportunistic or off")
		}
	}
	if c.user != "" && c.policy == gomail.NoTLS {
		return config{}, configError("credentials need TLS")
	}
	return c, nil
}

// parseFrom reads the sender, "Name <address>" or an address.
func parseFrom(from string) (*mail.Address, error) {
	if err := notify.ValidateHeader("from", from); err != nil {
		return nil, err
	}
	address, err := mail.ParseAddress(from)
	if err != nil {
		return nil, configError("the sender is not an address")
	}
	return address, nil
}

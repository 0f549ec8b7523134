package hosted

import (
	"net/http"

	"grove/frontend/login"
	"grove/iam/authn"
	"grove/iam/oauth"
)

const devicePurpose = "device"

// showDevice asks for the code that a device shows, or tells a person who has answered that he can go back to the device. A code
// that comes with the address is only filled in: the person compares it, and a link alone lets nothing in (RFC 8628, section
// 5.4).
func (p *Pages) showDevice(w http.ResponseWriter, r *http.Request) {
	in, err := parse(r.URL.RawQuery)
	if err != nil {
		p.fail(w, r, err)
		return
	}
	if in["done"] != "" {
		login.Render(w, r, login.PageDeviceDone, login.DeviceDonePage{Common: login.Common{OrgName: p.host(r)}, Denied: in["done"] == "denied"})
		return
	}
	p.renderDevice(w, r, authn.BrowserOf(w, r), http.StatusOK, in["user_code"], "")
}

func (p *Pages) renderDevice(w http.ResponseWriter, r *http.Request, b authn.Browser, status int, code, problem string) {
	token, err := p.token(r, b, devicePurpose)
	if err != nil {
		p.fail(w, r, err)
		return
	}
	c := login.Common{Action: address(r, "/device"), CSRF: token, OrgName: p.host(r), Problem: problem, Status: status}
	login.Render(w, r, login.PageDevice, login.DevicePage{Common: c, UserCode: code})
}

// enterDevice begins the sign-in for the device whose code was entered.
func (p *Pages) enterDevice(w http.ResponseWriter, r *http.Request) {
	b := authn.BrowserOf(w, r)
	in, err := p.form(w, r, b, devicePurpose)
	if err != nil {
		p.fail(w, r, err)
		return
	}
	to, err := p.protocol.BeginDevice(r.Context(), in[login.FieldUserCode], b)
	switch {
	case oauth.CodeDevice.Is(err):
		p.renderDevice(w, r, b, http.StatusUnprocessableEntity, in[login.FieldUserCode], login.ProblemDeviceCode)
	case oauth.CodeDeviceTooMany.Is(err):
		p.renderDevice(w, r, b, http.StatusTooManyRequests, in[login.FieldUserCode], login.ProblemTooMany)
	case err != nil:
		p.fail(w, r, err)
	default:
		seeOther(w, to)
	}
}

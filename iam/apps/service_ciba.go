package apps

import (
	"slices"

	"grove/infra/jose"
	"grove/infra/kernel/fault"
)

// checkCIBA says why an app's settings of backchannel authentication do not hold together (OpenID Connect CIBA Core 1.0, section 4).
func checkCIBA(s Settings) error {
	switch {
	case !slices.Contains([]string{"", DeliveryPing, DeliveryPoll}, s.BackchannelDelivery):
		return fault.CodeInvalid.At("/backchannel_token_delivery_mode", "Must be ping or poll.")
	case s.BackchannelDelivery == DeliveryPing && s.BackchannelNotify == "":
		return fault.CodeInvalid.At("/backchannel_client_notification_endpoint", "Must be where the app is told, for the mode ping.")
	case s.BackchannelRequestAlg != "" && !slices.Contains(jose.Algs(), s.BackchannelRequestAlg):
		return fault.CodeInvalid.At("/backchannel_authentication_request_signing_alg", "Must be one of the algorithms that the server's metadata lists, or empty.")
	case s.BackchannelRequestAlg != "" && s.JWKS == nil && s.JWKSURI == "":
		return fault.CodeInvalid.At("/jwks", "Must hold the keys by which backchannel requests are signed, unless their address is given.")
	}
	return CheckEndpoint("/backchannel_client_notification_endpoint", s.BackchannelNotify)
}

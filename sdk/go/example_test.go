package grove_test

import (
	"context"
	"errors"
	"fmt"
	"log"

	"grove/sdk/go"
)

// A backend makes an organization for a customer and invites its first administrator.
func Example() {
	ctx := context.Background()
	base := "https://id.example.com/t/acme"
	client := grove.New(base, grove.ClientCredentials(ctx, base, "client id", "client secret"))

	org, err := client.CreateOrganization(ctx, grove.CreateOrganizationRequest{Name: "Partner Ltd", Handle: new("partner")})
	var problem *grove.Problem
	if errors.As(err, &problem) && problem.Code == "org.handle_taken" {
		org, err = client.GetOrganization(ctx, "partner")
	}
	if err != nil {
		log.Fatal(err)
	}
	if _, err := client.InviteUser(ctx, org.ID, grove.InviteUserRequest{Email: "ada@partner.example"}); err != nil {
		log.Fatal(err)
	}
	for page, err := range client.ListMembersPages(ctx, org.ID, nil) {
		if err != nil {
			log.Fatal(err)
		}
		for _, member := range page.Items {
			fmt.Println(member.Username)
		}
	}
}

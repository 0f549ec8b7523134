// Shows the API's reference from the description that the same server gives out.
Scalar.createApiReference("#reference", {
  url: "/openapi.json",
  agent: { disabled: true },
  hideClientButton: true,
  persistAuth: false,
  showDeveloperTools: "never",
  mcp: { disabled: true },
  telemetry: false,
  theme: "default",
  withDefaultFonts: false,
});

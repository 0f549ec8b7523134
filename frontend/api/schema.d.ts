/**
 * The shape of the management API, as openapi-typescript writes it. `npm run generate` replaces this file with the one
 * made from openapi.yaml.
 */

type Json<T> = { headers: Record<string, unknown>; content: { "application/json": T } };
type Body<T> = { content: { "application/json": T } };
type Failure = { default: { headers: Record<string, unknown>; content: { "application/problem+json": components["schemas"]["Problem"] } } };
type Page<T> = { items: T[]; next_page_token?: string };
type Paging = { page_size?: number; page_token?: string };
type Common<Query> = { query?: Query; header?: { "If-Match"?: string; "Idempotency-Key"?: string }; cookie?: never };
type Params<Path, Query = never> = [Path] extends [never] ? Common<Query> & { path?: never } : Common<Query> & { path: Path };
type Read<T, Path, Query = never> = { parameters: Params<Path, Query>; requestBody?: never; responses: { 200: Json<T> } & Failure };
type Create<T, In, Path> = { parameters: Params<Path>; requestBody: Body<In>; responses: { 201: Json<T> } & Failure };
type Change<T, In, Path> = { parameters: Params<Path>; requestBody: Body<In>; responses: { 200: Json<T> } & Failure };
type Act<Path> = { parameters: Params<Path>; requestBody?: never; responses: { 204: { headers: Record<string, unknown>; content?: never } } & Failure };

type Org = { org: string };
type Schemas = components["schemas"];

export interface paths {
  "/v1/orgs": { post: Create<Schemas["Organization"], Schemas["CreateOrganizationRequest"], never>; get: Read<Page<Schemas["Organization"]>, never, Paging & { q?: string }> };
  "/v1/orgs/{org}": {
    get: Read<Schemas["Organization"], Org>;
    patch: Change<Schemas["Organization"], Schemas["UpdateOrganizationRequest"], Org>;
    delete: Act<Org>;
  };
  "/v1/orgs/{org}/children": { get: Read<Page<Schemas["Organization"]>, Org, Paging> };
  "/v1/orgs/{org}/ancestors": { get: Read<Page<Schemas["Organization"]>, Org, Paging> };
  "/v1/orgs/{org}:suspend": { post: Act<Org> };
  "/v1/orgs/{org}:resume": { post: Act<Org> };
  "/v1/orgs/{org}/users": { get: Read<Page<Schemas["User"]>, Org, Paging & { filter?: string }>; post: Create<Schemas["User"], Schemas["CreateUserRequest"], Org> };
  "/v1/orgs/{org}/users/{user}": {
    get: Read<Schemas["User"], Org & { user: string }>;
    patch: Change<Schemas["User"], Schemas["UpdateUserRequest"], Org & { user: string }>;
    delete: Act<Org & { user: string }>;
  };
  "/v1/orgs/{org}/users/{user}/roles": { get: Read<Page<Schemas["Role"]>, Org & { user: string }, Paging> };
  "/v1/orgs/{org}/groups": { get: Read<Page<Schemas["Group"]>, Org, Paging & { filter?: string }>; post: Create<Schemas["Group"], Schemas["CreateGroupRequest"], Org> };
  "/v1/orgs/{org}/groups/{group}": { get: Read<Schemas["Group"], Org & { group: string }>; delete: Act<Org & { group: string }> };
  "/v1/orgs/{org}/groups/{group}/members": { get: Read<Page<Schemas["User"]>, Org & { group: string }, Paging> };
  "/v1/orgs/{org}/roles": { get: Read<Page<Schemas["Role"]>, Org, Paging>; post: Create<Schemas["Role"], Schemas["CreateRoleRequest"], Org> };
  "/v1/orgs/{org}/roles/{role}": { get: Read<Schemas["Role"], Org & { role: string }>; delete: Act<Org & { role: string }> };
  "/v1/orgs/{org}/apps": { get: Read<Page<Schemas["App"]>, Org, Paging>; post: Create<Schemas["CreatedApp"], Schemas["CreateAppRequest"], Org> };
  "/v1/orgs/{org}/apps/{app}": { get: Read<Schemas["App"], Org & { app: string }>; delete: Act<Org & { app: string }> };
  "/v1/orgs/{org}/api-resources": { get: Read<Page<Schemas["ApiResource"]>, Org, Paging>; post: Create<Schemas["ApiResource"], Schemas["CreateApiResourceRequest"], Org> };
  "/v1/orgs/{org}/api-resources/{resource}": { get: Read<Schemas["ApiResource"], Org & { resource: string }>; delete: Act<Org & { resource: string }> };
  "/v1/orgs/{org}/api-resources/{resource}/scopes": { get: Read<Page<Schemas["Scope"]>, Org & { resource: string }, Paging> };
  "/v1/orgs/{org}/invitations": {
    get: Read<Page<Schemas["Invitation"]>, Org, Paging & { state?: string }>;
    post: Create<Schemas["Invitation"], Schemas["InviteUserRequest"], Org>;
  };
  "/v1/orgs/{org}/invitations/{invitation}": { delete: Act<Org & { invitation: string }> };
  "/v1/orgs/{org}/events": { get: Read<Page<Schemas["Event"]>, Org, Paging & { type?: string }> };
  "/v1/orgs/{org}/settings/{module}": {
    get: Read<Schemas["Settings"], Org & { module: string }>;
    patch: Change<Schemas["Settings"], Record<string, unknown>, Org & { module: string }>;
  };
  "/v1/me": { get: Read<Schemas["Me"], never>; patch: Change<Schemas["Me"], Schemas["UpdateMeRequest"], never> };
  "/v1/me/organizations": { get: Read<Page<Schemas["Membership"]>, never, Paging> };
  "/v1/me/sessions": { get: Read<Page<Schemas["Session"]>, never, Paging> };
  "/v1/me/sessions/{session}": { delete: Act<{ session: string }> };
  "/v1/me/password": { put: { parameters: Params<never>; requestBody: Body<Schemas["ChangePasswordRequest"]>; responses: { 204: { headers: Record<string, unknown>; content?: never } } & Failure } };
}

export interface components {
  schemas: {
    ApiResource: { id: string; name: string; identifier: string; created_at: string; allowed_actions?: string[] };
    App: { id: string; name: string; type: string; client_id?: string; created_at: string; allowed_actions?: string[] };
    ChangePasswordRequest: { current_password: string; new_password: string };
    CreateApiResourceRequest: { name: string; identifier: string };
    CreateAppRequest: { name: string; type: string };
    CreateGroupRequest: { name: string };
    CreateOrganizationRequest: { name: string; handle?: string; parent_id?: string; attributes?: Record<string, unknown> };
    CreateRoleRequest: { name: string; audience: Schemas["RoleAudience"]; permissions?: string[] };
    CreateUserRequest: { username: string; email?: string; given_name?: string; family_name?: string };
    CreatedApp: Schemas["App"] & { client_secret?: string };
    Event: { id: string; type: string; actor: Schemas["EventParty"]; subject?: Schemas["EventParty"]; org_id: string; at: string; data?: Record<string, unknown> };
    EventParty: { type: string; id: string };
    Group: { id: string; name: string; created_at: string; allowed_actions?: string[] };
    InviteUserRequest: { email: string; roles?: string[] };
    Invitation: { id: string; email: string; state: string; roles?: string[]; created_at: string; expires_at?: string };
    Me: { id: string; username: string; email?: string; given_name?: string; family_name?: string };
    Membership: { id: string; name: string; handle: string };
    Organization: {
      id: string; name: string; handle: string; parent_id?: string; state: string; attributes?: Record<string, unknown>;
      created_at: string; updated_at: string; allowed_actions?: string[];
    };
    Problem: { type: string; title: string; status: number; detail?: string; code: string; request_id: string; errors?: Schemas["ProblemField"][] };
    ProblemField: { pointer: string; code: string; detail: string };
    Role: { id: string; name: string; audience: Schemas["RoleAudience"]; permissions: string[]; created_at: string; allowed_actions?: string[] };
    RoleAudience: { type: string; id: string };
    Scope: { name: string; description?: string };
    Session: { id: string; created_at: string; last_seen_at?: string; user_agent?: string; current?: boolean };
    Settings: { module: string; values: Record<string, unknown>; inherited_from?: Record<string, string> };
    UpdateMeRequest: { given_name?: string; family_name?: string };
    UpdateOrganizationRequest: { name?: string; handle?: string; attributes?: Record<string, unknown> };
    UpdateUserRequest: { email?: string; given_name?: string; family_name?: string };
    User: { id: string; username: string; email?: string; given_name?: string; family_name?: string; state: string; created_at: string; allowed_actions?: string[] };
  };
}

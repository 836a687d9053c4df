// The operations of webhooks. They are sent by `read`, which stores nothing: some responses have
// secrets, and deliveries are of no use to other pages.
import { graphql, type ResultOf, type VariablesOf } from "../../shared/graphql";

const WEBHOOK = graphql(`
  fragment ShownWebhook on Webhook {
    id
    version
    url
    types
    filter
    query
    shape
    state
    pauseReason
    pausedAt
    failingSince
    previousSecretUntil
    createdAt
    owner { __typename displayName ... on User { id } }
    latest: deliveries(first: 1) { nodes { id status createdAt deliveredAt } }
    waiting: deliveries(first: 1, status: [PENDING, RETRYING]) { totalCount }
  }
`);
const DELIVERY = graphql(`
  fragment ShownDelivery on WebhookDelivery {
    id
    status
    attempts
    responseStatus
    lastError
    nextAttemptAt
    deliveredAt
    createdAt
    event { __typename id type cursor occurredAt ticket { id ref subject } }
  }
`);
const ATTEMPT = graphql(`
  fragment ShownAttempt on WebhookAttempt {
    requestedAt
    request { url headers { name value } }
    status
    milliseconds
    response
    error
  }
`);
export const WEBHOOKS = graphql(
  `
    query Webhooks { webhooks { ...ShownWebhook } }
  `,
  [WEBHOOK],
);
export const WEBHOOK_BY_ID = graphql(
  `
    query WebhookById($id: ID!) { webhook(id: $id) { ...ShownWebhook } }
  `,
  [WEBHOOK],
);
export const DELIVERIES = graphql(
  `
    query Deliveries($id: ID!, $status: [WebhookDeliveryStatus!], $after: String) {
      webhook(id: $id) {
        id
        deliveries(first: 25, status: $status, after: $after) {
          nodes { ...ShownDelivery }
          pageInfo { hasNextPage endCursor }
        }
      }
    }
  `,
  [DELIVERY],
);
/** The present state of some deliveries. */
export const DELIVERIES_BY_ID = graphql(
  `
    query DeliveriesById($ids: [ID!]!) { nodes(ids: $ids) { ...ShownDelivery } }
  `,
  [DELIVERY],
);
export const ATTEMPTS = graphql(
  `
    query Attempts($id: ID!) {
      node(id: $id) { ... on WebhookDelivery { id requestBody attemptLog { ...ShownAttempt } } }
    }
  `,
  [ATTEMPT],
);
export const GAPS = graphql(`
  query Gaps($id: ID!, $after: String) {
    webhookGaps(webhookId: $id, first: 25, after: $after) {
      totalCount
      nodes { __typename id type cursor occurredAt ticket { id ref subject } }
      pageInfo { hasNextPage endCursor }
    }
  }
`);
export const REPLAY_PREVIEW = graphql(`
  query ReplayPreview($id: ID!, $after: String, $since: DateTime) {
    webhookReplayPreview(webhookId: $id, after: $after, since: $since) { after until events maximum }
  }
`);
export const RECENT_EVENTS = graphql(`
  query RecentEvents($types: [TicketEventType!]) {
    events(last: 20, types: $types) { nodes { __typename id type occurredAt ticket { id ref subject } } }
  }
`);
export const DRY_RUN = graphql(`
  query DryRun($query: String, $shape: WebhookShape, $eventId: ID!) {
    dryRunWebhook(query: $query, shape: $shape, eventId: $eventId) { cost payload }
  }
`);
export const CREATE = graphql(
  `
    mutation CreateWebhook($input: CreateWebhookInput!) {
      result: createWebhook(input: $input) {
        secret
        webhook { ...ShownWebhook }
        userErrors { message field }
      }
    }
  `,
  [WEBHOOK],
);
export const UPDATE = graphql(
  `
    mutation UpdateWebhook($input: UpdateWebhookInput!) {
      result: updateWebhook(input: $input) { webhook { ...ShownWebhook } userErrors { message field } }
    }
  `,
  [WEBHOOK],
);
export const DELETE = graphql(`
  mutation DeleteWebhook($input: DeleteWebhookInput!) {
    result: deleteWebhook(input: $input) { userErrors { message field } }
  }
`);
export const PING = graphql(
  `
    mutation PingWebhook($input: PingWebhookInput!) {
      result: pingWebhook(input: $input) { attempt { ...ShownAttempt } userErrors { message field } }
    }
  `,
  [ATTEMPT],
);
export const ROTATE = graphql(
  `
    mutation RotateWebhookSecret($input: RotateWebhookSecretInput!) {
      result: rotateWebhookSecret(input: $input) {
        secret
        webhook { ...ShownWebhook }
        userErrors { message field }
      }
    }
  `,
  [WEBHOOK],
);
export const REDELIVER = graphql(
  `
    mutation RedeliverWebhook($input: RedeliverWebhookInput!) {
      result: redeliverWebhook(input: $input) { delivery { ...ShownDelivery } userErrors { message field } }
    }
  `,
  [DELIVERY],
);
export const REPLAY = graphql(`
  mutation ReplayWebhook($input: ReplayWebhookInput!) {
    result: replayWebhook(input: $input) { events userErrors { message field } }
  }
`);

export type Webhook = ResultOf<typeof WEBHOOK>;
export type Delivery = ResultOf<typeof DELIVERY>;
export type Attempt = ResultOf<typeof ATTEMPT>;
export type Gap = NonNullable<ResultOf<typeof GAPS>["webhookGaps"]>["nodes"][number];
export type RecentEvent = ResultOf<typeof RECENT_EVENTS>["events"]["nodes"][number];
export type Preview = NonNullable<ResultOf<typeof REPLAY_PREVIEW>["webhookReplayPreview"]>;
export type EventType = Webhook["types"][number];
export type DeliveryStatus = Delivery["status"];
export type NewWebhook = VariablesOf<typeof CREATE>["input"];

/** Those of some nodes that are deliveries. */
export function deliveriesOf(nodes: ResultOf<typeof DELIVERIES_BY_ID>["nodes"]): readonly Delivery[] {
  return nodes.filter((each): each is Delivery => each !== null && "status" in each && "event" in each);
}

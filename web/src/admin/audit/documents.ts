// The audit log.
import { graphql, type ResultOf } from "../../shared/graphql";

export const AUDIT_LOG = graphql(`
  query AdminAuditLog($filter: AuditLogFilter, $after: String) {
    auditLog(filter: $filter, first: 50, after: $after) {
      nodes {
        id occurredAt action address requestId recordKind recordId
        actor { __typename displayName ... on User { id } }
        record {
          __typename id
          ... on User { displayName }
          ... on ApiClient { displayName }
          ... on Organization { name }
          ... on Team { name }
          ... on Category { name }
          ... on ApiToken { name }
          ... on SlaPolicy { name }
          ... on SlaCalendar { name }
          ... on EscalationPath { name }
          ... on SavedView { name }
          ... on Macro { name }
          ... on RetentionPolicy { name }
          ... on CustomField { label }
        }
        changes { field from to }
      }
      pageInfo { hasNextPage endCursor }
    }
  }
`);

export type AuditEntry = ResultOf<typeof AUDIT_LOG>["auditLog"]["nodes"][number];

// The operations of reports, and the types of their results.
import { graphql, type ResultOf, type VariablesOf } from "../../shared/graphql";

export const REPORT = graphql(`
  query Report(
    $range: ReportRangeInput!
    $filter: TicketFilter
    $groupBy: TicketReportGroupBy
    $timeZone: String
  ) {
    ticketReport(range: $range, filter: $filter, groupBy: $groupBy, timeZone: $timeZone) {
      omittedGroups
      groups {
        key
        label
        created
        ratings
        averageRating
        firstResponse { count median percentile90 }
        firstResponseWorkingTime { count median percentile90 }
        resolution { count median percentile90 }
        resolutionWorkingTime { count median percentile90 }
        firstResponseAttainment { met missed ratio }
        nextResponseAttainment { met missed ratio }
        resolutionAttainment { met missed ratio }
      }
    }
  }
`);
export const LIVE_VOLUME = graphql(`
  subscription LiveVolume($filter: TicketFilter, $period: TicketStatsPeriod) {
    ticketStats(filter: $filter, groupBy: DAY, period: $period) { groups { key created } }
  }
`);

/** With those that are archived: a report is about the past. */
export const REPORT_CHOICES = graphql(`
  query ReportChoices {
    teams(includeInactive: true) { slug name active }
    categories(includeInactive: true) { slug name active }
  }
`);

export type ReportVariables = VariablesOf<typeof REPORT>;
export type Report = ResultOf<typeof REPORT>["ticketReport"];
export type Group = Report["groups"][number];
export type ReportChoices = ResultOf<typeof REPORT_CHOICES>;
export type Attainment = Group["firstResponseAttainment"];

"""Limits on connections, rates and concurrent work.

This table lists all limits on what a client can open, send, request or store. The column "where"
names a setting (see docs/configuration.md) or the file that defines the limit.

    limit                             value     where                            if exceeded
    ----------------------------------------------------------------------------------------------
    HTTP requests
    headers arrive, then the body     15 s      request_timeout_seconds          408
    idle connection                   5 s       keep_alive_timeout_seconds       closed
    client reads no response bytes    15 s      request_timeout_seconds          closed
    URL                               60 KiB    engine/server/http_limits.py     414
    query string                      48 KiB    engine/graphql/request.py        414
    parameters of a query string      20        engine/graphql/request.py        400
    path of a URL                     2 KiB     engine/server/http_limits.py     414
    headers; trailers                 16 KiB    engine/server/http_limits.py     431
    chunks of a body                  4,096     engine/server/http_limits.py     413
    body                              1 MiB     engine/http/middleware.py        413
    discarded after the last response 64 MiB    max_discarded_bytes              closed
    request with chunks and trailers  16 MiB    engine/server/http_limits.py     413
    pipelined requests per connection 100       engine/server/http_limits.py     429
    connections without streams       10,000    max_http_connections             503
      file descriptors left           128       engine/limits/open_connections.py 503
      per IPv4 address or IPv6 /64    1,000     max_http_connections_per_address 429
    long requests and responses that arrive or wait, per process
      their bytes beyond 64 KiB each  512 MiB   max_transfer_bytes               503
      per IPv4 address or IPv6 /64    128 MiB   max_transfer_bytes_per_address   429
    uploads of files: the body        as declared max_attachment_bytes           413
      until the body is complete      15 min    upload_url_minutes               408
      at once of one attachment       2         resolvers/files/uploads.py       429
      at once per person              5         resolvers/files/uploads.py       429
      at once per process             50        resolvers/files/uploads.py       503
    characters read of Accept headers 1,024     engine/http/content_negotiation.py  cut

    WebSockets and event streams, per process
    connections                       20,000    max_connections                  503, 1013
    per user or API client            500       max_connections_per_viewer       429, 1013
    per IPv4 address or IPv6 /64      2,000     max_connections_per_address      429, 1013
    connection_init arrives           10 s      connection_init_timeout_seconds  4408
    operations per WebSocket          100       max_operations_per_socket        BAD_REQUEST
    frames per second and WebSocket   100       max_socket_frames_per_second     1008
    bytes per second and WebSocket    1 MiB     max_socket_bytes_per_second      not read
    frames parsed at once             4         engine/server/frame_parser.py    wait
    subscriptions per viewer          5,000     max_subscriptions_per_viewer     QUERY_TOO_EXPENSIVE
    their cost per event              10,000    max_subscription_cost_per_viewer QUERY_TOO_EXPENSIVE
    cost per event, all viewers       200,000   max_subscription_cost            QUERY_TOO_EXPENSIVE
    live lists, statistics of a viewer 128 MiB  max_live_bytes_per_viewer        QUERY_TOO_EXPENSIVE
    live lists, statistics of all     512 MiB   max_live_bytes                   QUERY_TOO_EXPENSIVE
    working subscriptions per viewer  2         engine/fanout/scheduler.py       wait
    bucket of a subscription's viewer half      engine/fanout/scheduler.py       wait
    WebSocket message                 128 KiB   server.py                        1009
    message before connection_init    16 KiB    engine/websocket/protocol.py     4400
    bytes that wait for a client      1 MiB     max_outbox_bytes                 1013, closed
    client accepts bytes that wait    30 s      engine/fanout/outbox.py          closed
    client answers a ping, or reads   20 s      uvicorn's ping timeout           closed

    Documents, before validation; QUERY_TOO_EXPENSIVE if nothing else is stated
    bytes                             16 KiB    max_document_bytes               BAD_REQUEST
    tokens                            2,000     max_document_tokens              PARSE_FAILED
    depth                             12        max_document_depth
    depth of introspection            20        engine/graphql/document_limits.py
    fields and fragments around one   52        max_document_depth + 40
    aliases                           30        max_document_aliases
    root fields                       20        max_document_root_fields
    repetitions of a field            40        max_document_field_repeats
    directives                        50        max_document_directives
    fragments                         60        max_document_fragments
    operations                        20        max_document_operations
    selections with fragments         2,500     engine/graphql/document_limits.py
    pairs of merged selections        20,000    engine/graphql/document_limits.py
    reported validation errors        20        engine/graphql/document_cache.py (cut)
    values in variables               2,500     engine/execution/operation_lookup.py    BAD_REQUEST
    depth of JSON                     254       engine/graphql/request.py        400, 4400

    Operations
    cost                              5,000     max_operation_cost               QUERY_TOO_EXPENSIVE
    words to search for               16        max_operation_search_terms       QUERY_TOO_EXPENSIVE
    cost per caller at once           100,000   cost_bucket_size                 RATE_LIMITED
    cost per caller and second        4,000     cost_refill_per_second           RATE_LIMITED
    duration of a query               10 s      operation_timeout_seconds        UNAVAILABLE
    duration of a statement           30 s      models/database/config.py        UNAVAILABLE
    expensive queries per caller      4         engine/execution/operation_executor.py  wait
    mutations per caller              8         engine/execution/operation_executor.py  wait
    worker thread tasks per caller    1         engine/limits/concurrency.py     wait
    responses compressed per caller   1         engine/http/compression.py       wait
    page size                         100       models/core/paging/pagination.py        BAD_REQUEST
    fields of orderBy                 4         models/queries/tickets.py        BAD_REQUEST
    filter: conditions, levels        100, 10   models/queries/filters/limits.py BAD_REQUEST
    filter: values, words             1,000, 32 models/queries/filters/limits.py BAD_REQUEST
    search: characters                2,000     models/queries/text_search/search.py         cut
    search: words                     16        models/queries/text_search/search.py         cut
    search: characters of a word      100       models/core/words.py             cut
    searchable words of one text      900 kB    models/core/words.py             cut
    days; hours of statistics       400; 744 models/queries/statistics/time_buckets.py BAD_REQUEST
    other groups of statistics        100       models/queries/statistics/stats_groups.py summed
    views counted by a subscription   200       resolvers/subscriptions/view_counts.py (the first)
    days of a report                  400       max_report_days                  BAD_REQUEST
    groups of a report                100       models/queries/statistics/report_groups.py (the
                                                largest; BAD_REQUEST for days, weeks and months)
    tickets in a live list            10,000    max_live_list_tickets            QUERY_TOO_EXPENSIVE
    free sign-in attempts             10; 60    max_sign_in_attempts             RATE_LIMITED
    free codes of a second factor     5         max_second_factor_attempts       RATE_LIMITED
    free requests for account emails  5; 30     max_account_emails               RATE_LIMITED
      from one IPv4 /24 or IPv6 /48   180       max_account_emails               RATE_LIMITED
    writes after a response           1,000     resolvers/services/background_writes.py dropped
    concurrent sign-ins by providers  20        resolvers/auth/oidc.py           503
    the same, from one network        5         resolvers/auth/oidc.py           503
    the same, from one /24 or /48     8         resolvers/auth/oidc.py           503
    free codes that a provider refuses 60; 360  max_sign_in_attempts             429
    JWTs that are not stored, at once 4; 2      resolvers/auth/jwt_checks.py     wait
    cost of such a JWT                100       resolvers/auth/jwt_checks.py     429
    form with a logout token          9 KiB     resolvers/auth/oidc.py           400
    JWT                               8 KiB     models/oidc/tokens.py            UNAUTHENTICATED
    lifetime of a JWT                 1 h       models/oidc/tokens.py            UNAUTHENTICATED
    response of a provider            256 KiB   models/oidc/http_client.py       refused
    request to a provider             10 s      models/oidc/http_client.py       refused
    lookups of host names, at once    512       models/outbound/lookup.py            request fails
    addresses that are tried          8         models/outbound/connection.py    others ignored
    headers and chunk sizes, response 128 KiB   models/outbound/http_client.py       request fails
    URL of a webhook or a provider    2,048     models/outbound/target_url.py        refused
    reading a provider's keys         every 30 s models/oidc/metadata.py         UNAUTHENTICATED
    concurrent password checks        2         models/people/password.py        wait
    cost of a password check          4,000     models/people/password.py        RATE_LIMITED
    queued checks, known networks     52        models/people/password.py        RATE_LIMITED
    queued checks, other networks     52        models/people/password.py        RATE_LIMITED
    of these, per IPv4 /24 or IPv6 /48 26; 13   models/people/password.py        RATE_LIMITED

    Memory per process; the oldest entry is dropped
    rate limit buckets                100,000   engine/limits/rate.py
    documents                         1,000     engine/graphql/document_cache.py
    characters of documents           256 Ki    engine/graphql/document_cache.py
    invalid documents                 16        engine/graphql/document_cache.py
    persisted documents               2,000     engine/graphql/persisted_documents.py
    characters of persisted documents 4 Mi      engine/graphql/persisted_documents.py
    costs per operation               64        engine/graphql/cost.py
    plans per operation               16        engine/execution/plans/plan.py (then graphql-core)
    authenticated viewers             2,000     resolvers/auth/viewer_cache.py
    rendered Markdown                 8 Mi      resolvers/services/markdown_cache.py

    Stored data; user errors if nothing else is stated
    lengths of texts                  various   models/core/text.py
    password                          1,024     models/people/password.py
    idempotency key                   128       models/changes/idempotency.py
    tags of a ticket                  20        max_tags_per_ticket
    resources of a ticket             50        max_resources_per_ticket
    links of a ticket                 200       max_links_per_ticket
    watchers of a ticket, on each side 200      max_watchers_per_ticket
    participants of a ticket          50        max_participants_per_ticket
    tickets merged into a ticket      100       max_merged_tickets
    shared tickets per user           1,000     max_shared_tickets_per_user
    shared tickets per organization   200       max_shared_tickets_per_organization
    read marks per user               10,000    max_read_marks_per_user          oldest deleted
    age of a read mark                90 days   models/tickets/read_marks.py     deleted
    mentions per note                 50        models/notifications/mentions.py (ignored)
    notifications by one person to another about a ticket in 10 minutes
      replies and notes               20        max_notifications_per_ticket     folded
      each other type of event        5         max_notifications_per_type       folded
    windows of presence per user      50        max_presence_windows_per_user    oldest dropped
    domains of an organization        50        max_domains_per_organization
    active teams                      200       max_teams
    members of a team                 1,000     max_members_per_team
    teams of a user                   100       max_teams_per_user
    active categories                 500       max_categories
    active API clients                200       max_api_clients
    API tokens per user or API client 100       max_api_tokens_per_owner
    sessions per user                 100       max_sessions_per_user            oldest ended
    JWTs per user                     100       max_jwts_per_user                oldest deleted
    identities per user               10        max_identities_per_user
    recovery codes per user           10        models/people/second_factor.py
    tokens of a link in an email      20        models/people/account_link.py (oldest dropped)
    saved views of a person           100       max_saved_views_per_person
    saved views of a team             100       max_saved_views_per_team
    saved views for everyone          100       max_saved_views_for_everyone
    filter of a view or policy        8 KiB     max_stored_filter_bytes
    columns of a saved view           30        models/directory/shared/views.py
    jobs of a caller: wait or run     20        max_active_jobs_per_caller
      run at once                     2         max_running_jobs_per_caller      wait
      ended                           200       max_ended_jobs_per_caller        oldest deleted
    days after the end of a job       30        job_days                         deleted
    tickets of a job                  50,000    max_tickets_per_job
    tickets of all jobs per second    50        job_tickets_per_second           wait
    message about a ticket of a job   500       models/jobs/caller_job.py        cut
    exports of a caller: wait or run  2         max_active_exports_per_caller
      files                           5         max_stored_exports_per_caller    oldest deleted
    tickets of an export              100,000   max_tickets_per_export
    file of an export                 2 GiB     max_export_bytes                 export stops
    pages of rows of all exports of people per second
                                      50        export_tickets_per_second        wait
    days until the file is deleted    7         export_days                      deleted
    tickets of all exports per second 50        export_tickets_per_second        wait
    active macros of a person         100       max_macros_per_person
    active macros of a team           100       max_macros_per_team
    active macros for everyone        100       max_macros_for_everyone
    archived macros of each of these  100       the same settings                oldest deleted
    text of a macro, in characters    20,000    max_macro_text_chars
    tags that a macro adds or removes 20        max_macro_tags
    active custom fields              100       max_custom_fields
    options of a custom field         200       max_options_per_custom_field
    text of a custom field, in chars. 500       max_custom_field_text_chars
    custom fields' values of a ticket 50        max_custom_values_per_ticket
    retention policies                50        max_retention_policies
    days of a retention policy        30 or more  min_retention_days             INVALID
    tickets erased by them per second 5         retention_tickets_per_second     wait
    wallboard screens                 50        max_wall_screens
    days until an unused screen ends  30        models/wall/screen.py            pairing again
    screens that wait for approval    500       models/wall/pairing.py           429
      per IPv4 address or IPv6 /64    10        models/wall/pairing.py           429
      per IPv4 /24 or IPv6 /48        30        models/wall/pairing.py           429
      until their code expires        10 min    models/wall/pairing.py           401
    requests of a screen that wait    4         resolvers/wall/endpoints.py      429
      before its approval             2         resolvers/wall/endpoints.py      429
    webhooks of an owner              20        max_webhooks_per_owner
    webhooks of all owners            100       max_webhooks
    URL of a webhook                  2,048     models/webhooks/webhook.py       TOO_LONG
    query of a webhook, in bytes      8 KiB     max_webhook_query_bytes          TOO_LONG
    its cost for each event           1,000     max_webhook_query_cost           INVALID
    events of a replay                10,000    max_events_per_webhook_replay    INVALID
    pings of a caller at once         1         resolvers/webhooks/ping.py       INVALID
    drafts of a person                200       max_drafts_per_person
    text of a draft, in characters    65,536    max_draft_chars
    days after a draft's last change  30        draft_days                       deleted
    bytes of an attached file         25 MiB    max_attachment_bytes
    files of a reply, note or description 10    max_attachments_per_message
    a person's files that are not attached 50   max_pending_attachments_per_person
    their bytes                       250 MiB   max_pending_attachment_bytes_per_person
    pixels of an attached image       50 M      models/files/images.py
    age of a file that is neither attached nor in a draft 1 day
                                                models/files/cleanup.py          deleted
    notifications marked at once      1,000     resolvers/notifications.py
    active SLA policies               200       max_sla_policies
    active SLA calendars              100       max_sla_calendars
    holidays of an SLA calendar       1,000     max_holidays_per_calendar
    blocks of working hours per day   24        models/sla/calendars/calendar_input.py
    active escalation paths           100       max_escalation_paths
    steps per escalation path         20        max_steps_per_escalation_path

    Requests of webhooks
    at once                           400       max_webhook_requests             wait
    at once of one webhook            4         max_webhook_requests_per_webhook wait
    of a target after 5 failures      1         models/webhook_deliveries/retry_schedule.py wait
    payloads prepared at once         4         workers/webhooks/preparations.py wait
    of them, those of one owner       2         workers/webhooks/preparations.py wait
    of them, those of one webhook     1         workers/webhooks/preparations.py wait
    planned deliveries of a webhook   10,000    max_webhook_backlog              wait
    bytes of a body                   256 KiB   max_webhook_body_bytes           not sent
    time of a request                 15 s      webhook_timeout_seconds          repeated
    bytes read of a response          64 KiB    services/webhooks.py             cut
    characters stored of a response   2,048     models/webhooks/delivery.py      cut
    attempts stored of a delivery     200       models/webhooks/delivery.py      oldest deleted
    time of repetitions               72 h      webhook_retry_hours              FAILED
    time without a success            72 h      webhook_pause_hours              paused
    days of an acknowledged delivery  30        webhook_delivery_days            deleted

engine/limit_refusals.py counts refusals by limit, for a metric. Limits on connections have metrics
of their own, in engine/fanout/metrics.py. models/core/record_limits.py counts how often a limit on
stored data ended or deleted the oldest record, or was reached during a sign-in by a provider.

The number of stored tickets and messages is limited only by the cost of operations.
"""

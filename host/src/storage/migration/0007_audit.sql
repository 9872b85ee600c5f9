create table audit(
    id {identity},
    at bigint not null,
    actor text not null,
    operation text not null,
    request text not null,
    outcome text not null
);

# Create what the tests use in a fresh Request Tracker, and print the gateway's token.
use strict;
use warnings;
use lib '/usr/share/request-tracker5/lib';
use RT -init;

sub must {
    my ($ok, $message) = @_;
    die "$message\n" unless $ok;
}

my $system = RT->SystemUser;

for my $name ('Support', 'Sales') {
    my $queue = RT::Queue->new($system);
    must($queue->Create(
        Name              => $name,
        CorrespondAddress => lc($name) . '@example.org',
        CommentAddress    => lc($name) . '-comment@example.org',
    ));
}

# Which conversation a ticket is, and which delivery an entry is.
my %fields = (
    gateway_id       => 'RT::Queue-RT::Ticket',
    gateway_delivery => 'RT::Queue-RT::Ticket-RT::Transaction',
);
for my $name (sort keys %fields) {
    my $field = RT::CustomField->new($system);
    must($field->Create(
        Name       => $name,
        Type       => 'FreeformSingle',
        LookupType => $fields{$name},
        MaxValues  => 1,
    ));
    must($field->AddToObject(RT::Queue->new($system)));
}

my $gateway = RT::User->new($system);
must($gateway->Create(
    Name         => 'gateway',
    EmailAddress => 'gateway@example.org',
    Privileged   => 1,
));
my $agent = RT::User->new($system);
must($agent->Create(
    Name         => 'agent',
    RealName     => 'Agnes Agent',
    EmailAddress => 'agent@example.org',
    Password     => 'agentpass1',
    Privileged   => 1,
));
must($agent->PrincipalObj->GrantRight(Right => 'SuperUser', Object => RT->System));
# Those that the plugin's README asks for, and no more.
for my $right (qw(
    SeeQueue ShowTicket ShowTicketComments CreateTicket ReplyToTicket CommentOnTicket
    ModifyTicket SeeCustomField ModifyCustomField SetInitialCustomField
)) {
    must($gateway->PrincipalObj->GrantRight(Right => $right, Object => RT->System));
}

my $token = RT::AuthToken->new($system);
my ($ok, $message, $secret) = $token->Create(Owner => $gateway->id, Description => 'gateway');
must($ok, $message);
print "$secret\n";

# Real connections for the tests of reach: perl-base, which every Debian has, starts faster than anything else that can do both
# families and protocols.
#
#   traffic.pl serve                  TCP and UDP on port 80 of every address: answers with the asker's address
#                                     TCP on port 81: takes a number N and N bytes, and sends them back
#   traffic.pl ask SECONDS TARGET...  whole seconds; TARGET: tcp:ADDRESS:PORT, udp:ADDRESS:PORT or bulk:ADDRESS:PORT (10 MB each way)
#                                     all at once; a line each: TARGET ANSWER, "-" where there was none in time
use strict;
use warnings;
use IO::Socket::IP;
use IO::Select;
use Socket qw(:all);

my $bulk = 10 * 1024 * 1024;
$SIG{PIPE} = 'IGNORE';
my $command = shift @ARGV;
$command eq 'serve' ? serve() : ask(@ARGV);

sub plain { my $address = shift; $address =~ s/^::ffff://; return $address }

sub serve {
  my @common = (LocalAddr => '::', ReuseAddr => 1, V6Only => 0);
  my $tcp = IO::Socket::IP->new(@common, LocalPort => 80, Listen => 50, Proto => 'tcp') or die "tcp: $@";
  my $large = IO::Socket::IP->new(@common, LocalPort => 81, Listen => 50, Proto => 'tcp') or die "bulk: $@";
  my $udp = IO::Socket::IP->new(@common, LocalPort => 80, Proto => 'udp', Type => SOCK_DGRAM) or die "udp: $@";
  # From the address that was asked: a host has several.
  setsockopt($udp, 41, 49, pack('i', 1));
  $SIG{CHLD} = 'IGNORE';
  my $select = IO::Select->new($tcp, $large, $udp);
  syswrite(STDOUT, "ready\n");
  while (1) {
    for my $ready ($select->can_read) {
      if ($ready == $udp) {
        my $question;
        my $peer = recv($udp, $question, 2000, 0);
        next unless defined $peer;
        my ($error, $host) = getnameinfo($peer, NI_NUMERICHOST);
        send($udp, plain($host), 0, $peer);
      } elsif ($ready == $tcp) {
        my $client = $tcp->accept or next;
        $client->syswrite(plain($client->peerhost // '?') . "\n");
        $client->close;
      } else {
        my $client = $large->accept or next;
        next if fork;
        my $all = '';
        while (length($all) < $bulk) { $client->sysread($all, 1 << 20, length $all) or exit 1 }
        my $sent = 0;
        while ($sent < $bulk) { $sent += $client->syswrite($all, $bulk - $sent, $sent) // exit 1 }
        exit 0;
      }
    }
  }
}

sub ask {
  my ($seconds, @targets) = @_;
  my @pids;
  my @pipes;
  for my $target (@targets) {
    pipe(my $read, my $write);
    push @pipes, $read;
    next if fork;
    close $read;
    my $answer = '-';
    local $SIG{ALRM} = sub { syswrite($write, "$target -\n"); exit 0 };
    # What has much to carry shares an emulated processor with the others.
    alarm($target =~ /^bulk/ ? 4 * $seconds : $seconds);
    $answer = eval { one($target) } // '-';
    syswrite($write, "$target $answer\n");
    exit 0;
  }
  for my $read (@pipes) { my $line = <$read>; print $line if defined $line }
}

sub one {
  my ($kind, $host, $port) = shift =~ /^(\w+):(.+):(\d+)$/ or die;
  # A question that is not answered is asked again, as every program does; TCP does so after a second.
  if ($kind eq 'udp') {
    my $socket = IO::Socket::IP->new(PeerHost => $host, PeerPort => $port, Proto => 'udp', Type => SOCK_DGRAM) or return '-';
    while (1) {
      send($socket, 'who', 0);
      next unless IO::Select->new($socket)->can_read(0.3);
      my $answer;
      return $socket->sysread($answer, 2000) ? $answer : '-';
    }
  }
  my $socket = IO::Socket::IP->new(PeerHost => $host, PeerPort => $port, Proto => 'tcp') or return '-';
  if ($kind eq 'tcp') { my $answer = <$socket>; chomp $answer if defined $answer; return $answer // '-' }
  my $block = join '', map { chr(($_ * 7) % 251) } 0 .. 1023;
  my $all = $block x ($bulk / 1024);
  my ($sent, $back) = (0, '');
  while ($sent < $bulk) { $sent += $socket->syswrite($all, $bulk - $sent, $sent) // return '-' }
  while (length($back) < $bulk) { $socket->sysread($back, 1 << 20, length $back) or return '-' }
  return $back eq $all ? 'whole' : 'damaged';
}

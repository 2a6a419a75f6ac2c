using System.Globalization;
using System.Net.NetworkInformation;

namespace SagaRecovery.Stress.Faults;

/// <summary>The effect of a packet filter on the traffic between the service and its server.</summary>
internal enum Cut
{
    /// <summary>Packets vanish, of open connections and of new ones.</summary>
    Drop,

    /// <summary>Each packet is answered with a reset.</summary>
    Reject,

    /// <summary>The packets of connections that are open vanish, and new ones work: a firewall in between has lost its state.</summary>
    Forget,
}

/// <summary>Cuts the traffic on the loopback device, which has to be that of a network namespace of our own.</summary>
internal sealed class PacketFilter(Cut cut) : DatabaseFault
{
    /// <summary>Longer than the time-outs and the keepalive of the service's connections.</summary>
    private static readonly TimeSpan WaitTimeout = TimeSpan.FromSeconds(60);

    private IReadOnlyList<int> _forgotten = [];

    public override string Name => $"packets: {cut.ToString().ToLowerInvariant()}";

    /// <summary>A pass or a write need not meet a forgotten connection: it may use a newer one.</summary>
    public override bool IsNoticed => cut != Cut.Forget;

    public override async Task StrikeAsync(Stage stage, Random dice)
    {
        int port = stage.Cluster.Port;
        string verdict = cut == Cut.Reject ? "reject with tcp reset" : "drop";
        string which = "";
        if (cut == Cut.Forget)
        {
            _forgotten = await stage.ServicePortsAsync();
            which = $"{{ {string.Join(", ", _forgotten)} }}";
        }

        string to = cut == Cut.Forget ? $"tcp sport {which} tcp dport {port}" : $"tcp dport {port}";
        string from = cut == Cut.Forget ? $"tcp sport {port} tcp dport {which}" : $"tcp sport {port}";
        await PrivateNetwork.FilterAsync(string.Create(
            CultureInfo.InvariantCulture,
            $"table inet stress {{ chain cut {{ type filter hook output priority 0; {to} {verdict}; {from} {verdict}; }}; }}"));
    }

    /// <summary>
    /// Forgotten connections stay lost: waits until the service has closed each of them. Then the filter ends, since it would also drop the packets of
    /// new connections from these ports, and would never let the server know that the old ones are closed, whose transactions may hold locks.
    /// </summary>
    public override async Task HealAsync(Stage stage)
    {
        if (cut == Cut.Forget)
        {
            int server = stage.Cluster.Port;
            await Eventually.HoldsAsync(() => !_forgotten.Any(OpenPorts(server).Contains), "the service closed all forgotten connections", WaitTimeout);
        }

        await PrivateNetwork.FilterAsync("flush ruleset");
    }

    /// <summary>Returns the local ports of the open connections to a port of this network namespace.</summary>
    private static HashSet<int> OpenPorts(int server) =>
    [
        .. from connection in IPGlobalProperties.GetIPGlobalProperties().GetActiveTcpConnections()
           where connection.State == TcpState.Established && connection.RemoteEndPoint.Port == server
           select connection.LocalEndPoint.Port,
    ];
}

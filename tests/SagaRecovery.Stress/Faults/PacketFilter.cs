using System.Globalization;

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
    public override string Name => $"packets: {cut.ToString().ToLowerInvariant()}";

    public override async Task StrikeAsync(Stage stage, Random dice)
    {
        int port = stage.Cluster.Port;
        string verdict = cut == Cut.Reject ? "reject with tcp reset" : "drop";
        string which = "";
        if (cut == Cut.Forget)
        {
            which = $"{{ {string.Join(", ", await stage.ServicePortsAsync())} }}";
        }

        string to = cut == Cut.Forget ? $"tcp sport {which} tcp dport {port}" : $"tcp dport {port}";
        string from = cut == Cut.Forget ? $"tcp sport {port} tcp dport {which}" : $"tcp sport {port}";
        await PrivateNetwork.FilterAsync(string.Create(
            CultureInfo.InvariantCulture,
            $"table inet stress {{ chain cut {{ type filter hook output priority 0; {to} {verdict}; {from} {verdict}; }}; }}"));
    }

    /// <summary>The forgotten connections stay lost: the service needs new ones.</summary>
    public override Task HealAsync(Stage stage) => cut == Cut.Forget ? Task.CompletedTask : PrivateNetwork.FilterAsync("flush ruleset");
}

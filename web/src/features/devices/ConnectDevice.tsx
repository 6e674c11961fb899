import { Button, Group, Loader, Stack, Text } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { brokerQuery } from "@/api/queries";
import type { NewDevice } from "@/api/types";
import { DialogActions } from "@/components/DialogActions";
import { CopyButton } from "@/components/CopyButton";
import { LinkButton } from "@/components/LinkButton";
import { ErrorState, SkeletonRows } from "@/components/states";
import { TimeAgo } from "@/components/TimeAgo";
import { formatWithUnit } from "@/lib/format";
import { useDeviceValues, useSubscription } from "@/live/hooks";
import classes from "./devices.module.css";
import { dataTopic, publishExample } from "./publishExample";

interface Props {
  device: NewDevice;
  onClose: () => void;
}

/** How the device connects, an example to try it with, and its first value as soon as it is here. */
export function ConnectDevice({ device, onClose }: Props) {
  const broker = useQuery(brokerQuery());
  const access = broker.data?.data;
  if (broker.isError) return <ErrorState title="The broker's details cannot be shown" error={broker.error} onRetry={broker.refetch} />;
  if (!access) return <SkeletonRows rows={5} />;
  const example = publishExample(access, device);
  return (
    <Stack>
      <Text size="sm">Connect the device to the MQTT broker and let it publish, or try it from a shell:</Text>
      <dl className={classes["facts"]}>
        <dt>Broker</dt>
        <dd>
          {access.host}:{access.port}
        </dd>
        <dt>User</dt>
        <dd>{access.username}</dd>
        <dt>Password</dt>
        <dd>{access.password}</dd>
        <dt>Topic</dt>
        <dd>{dataTopic(access, device.deviceId)}</dd>
      </dl>
      <pre className={classes["code"]} tabIndex={0} aria-label="Example command">
        {example}
      </pre>
      <Group>
        <CopyButton text={example}>Copy the command</CopyButton>
      </Group>
      <FirstValue device={device} />
      <DialogActions>
        <Button variant="default" size="md" onClick={onClose}>
          Close
        </Button>
        <LinkButton size="md" to="/devices/$deviceId" params={{ deviceId: device.deviceId }}>
          Open the device
        </LinkButton>
      </DialogActions>
    </Stack>
  );
}

function FirstValue({ device }: { device: NewDevice }) {
  useSubscription([device.deviceId]);
  const [first] = useDeviceValues(device.deviceId);
  return (
    <div className={classes["waiting"]} role="status">
      {first ? (
        <span>
          It works: <strong>{formatWithUnit(first[1].value, device.unit)}</strong>, <TimeAgo at={first[1].timestamp} />.
        </span>
      ) : (
        <>
          <Loader size="sm" type="dots" /> Waiting for the first value
        </>
      )}
    </div>
  );
}
